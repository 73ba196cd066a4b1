"""What an author starts from: a course in an empty folder, an assignment of a template, or one made for nbgrader or Otter."""

from grader.authoring.course_folder import CourseStart, Started, start_course
from grader.authoring.packaged import packaged_course
from grader.authoring.scaffold import new_assignment

__all__ = ["CourseStart", "Started", "new_assignment", "packaged_course", "start_course"]
