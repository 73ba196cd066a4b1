"""How nbgrader reads a submitted notebook, and what a feedback page is made of."""

# nbconvert annotates only half of its functions
# mypy: disable-error-code="no-untyped-call, no-any-return"

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbconvert.exporters import HTMLExporter, NotebookExporter
from traitlets import Bool, Unicode

from grader.nbgrader.feedback_bundle import assemble, clear, make_bundle
from grader.nbgrader.layout import layout_at, open_gradebook
from grader.nbgrader.restore_notebook import known_cells, read_cells, restore


class SubmittedNotebook(NotebookExporter):
    """Reads a student's notebook as hostile data: what comes out has the course's cells, and is never broken."""

    course_file = Unicode(help="the course's autograde.yml").tag(config=True)

    def from_filename(self, filename: str, resources: Any = None, **kwargs: Any) -> tuple[Any, Any]:
        """Convert the notebook; one below ``submitted/`` is put right first, any other was made here."""
        layout = layout_at(self.course_file)
        if resources is None or not Path(filename).is_relative_to(layout.root / "submitted"):
            return super().from_filename(filename, resources=resources, **kwargs)
        told = resources["nbgrader"]
        resources["metadata"] = {"name": told["notebook"], "path": str(Path(filename).parent)}
        with open_gradebook(layout) as gradebook:
            known = known_cells(gradebook.find_notebook(told["notebook"], told["assignment"]))
        cells, problem = read_cells(Path(filename))
        if problem:
            self.log.warning("%s cannot be read: %s; its check cells are put in anyway", filename, problem)
        return self.from_notebook_node(restore(cells, known, problem), resources=resources, **kwargs)


class FeedbackPage(HTMLExporter):
    """nbgrader's page of the notebook with our report above it and the whole bundle inside: one file that runs nothing.

    nbgrader hands back one HTML file for each notebook, so the bundle travels in it, as a link to a zip.
    """

    course_file = Unicode(help="the course's autograde.yml").tag(config=True)
    # The sign beside each heading is hidden by a style sheet that the page does not load.
    exclude_anchor_links = Bool(default_value=True)

    def from_notebook_node(self, nb: Any, resources: Any = None, **kwargs: Any) -> tuple[Any, Any]:
        """Convert the notebook, and put the bundle's other files beside it."""
        page, resources = super().from_notebook_node(nb, resources=resources, **kwargs)
        told = resources["nbgrader"]
        layout = layout_at(self.course_file)
        folder = layout.feedback(told["assignment"], told["student"])
        clear(folder)
        bundle = make_bundle(layout, told["assignment"], told["student"], nb, **resources["autograde"])
        page, files = assemble(page, bundle, title=told["assignment"])
        resources["outputs"] = {**(resources.get("outputs") or {}), **files}
        return page, resources
