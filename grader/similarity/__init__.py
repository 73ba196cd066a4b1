"""Similar submissions: a list of pairs for a person to look at, with what they share side by side; never a verdict or a score."""

from grader.similarity.handed_in import HandedIn, Work, handed_in
from grader.similarity.pairs import Pair, Shared, find_pairs
from grader.similarity.similarity_page import as_dict, write_similar

__all__ = ["HandedIn", "Pair", "Shared", "Work", "as_dict", "find_pairs", "handed_in", "write_similar"]
