"""Settings of the journal of wild animals."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from vigilar.config.table import Table
from vigilar.config.values import Keep, at_least_days, takes


class Wildlife(Table):
    """The journal of wild animals: what birds and other animals came by, when, and what is new. Nothing of it ever
    wakes anybody."""

    enabled: bool = Field(
        default=True,
        description="Whether there is such a journal, and an event when something is new or back again.",
        json_schema_extra=takes("true or false"),
    )
    new_or_back_after: Annotated[Keep, AfterValidator(at_least_days(1))] = Field(
        default=14 * 86_400_000,
        description="An animal that was not seen for so long is back again.",
        json_schema_extra=takes('days or hours, such as "14d"'),
    )
    push_first_of_year: bool = Field(
        default=True,
        description="Whether phones may be told of the first of its sort in a year. It counts as ordinary: quiet "
        "hours, snoozes and the limit a day hold it back. `false` also stops rules of your own that name it.",
        json_schema_extra=takes("true or false"),
    )
