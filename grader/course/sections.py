"""What every section of autograde.yml is made of: the base of the models, ids and names."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema


class Section(BaseModel):
    """Base of every section: unknown keys are errors, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _number_as_text(value: object) -> object:
    # A student number is written without quotes more often than not; `true` and 1.5 are no ids.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


#: Ids name folders and rows, so they stay to what every file system and CSV takes.
Id = Annotated[
    str,
    BeforeValidator(_number_as_text),
    Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]*$", max_length=100),
    WithJsonSchema({"type": ["string", "integer"], "pattern": r"^[A-Za-z0-9][A-Za-z0-9._@+-]*$"}),
]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Scalar = bool | int | float | str
