"""What a tourism point must be when it is written."""

from typing import Annotated, Literal

from pydantic import Field

from geodata.text import slugify
from geodata.writing import (
    CommuneCode,
    Count,
    Day,
    LongText,
    MonthList,
    Name,
    PastDay,
    Phone,
    ShortText,
    TextList,
    WebLink,
    WriteModel,
)

Category = Literal[
    "homestay", "community_village", "farm_visit", "craft_village", "heritage", "eco_site", "local_food",
    "ocop_shop", "visitor_centre", "transport",
]  # fmt: skip


class TourismPointIn(WriteModel):
    """A tourism point as an officer gives it."""

    computed = frozenset({"slug"})

    name: Name
    slug: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=120)] | None = None
    name_en: Name | None = None
    category: Category = "heritage"
    description: LongText | None = None
    description_en: LongText | None = None
    organisation: Name | None = None
    ocop_stars: Annotated[int, Field(ge=1, le=5)] | None = None
    ocop_decision: ShortText | None = None
    ocop_valid_to: Day | None = None
    beds: Count | None = None
    guests_per_day: Count | None = None
    opening_hours: ShortText | None = None
    season_months: MonthList | None = None
    festivals: LongText | None = None
    price_from_vnd: Annotated[int, Field(ge=0, le=2_000_000_000)] | None = None
    price_to_vnd: Annotated[int, Field(ge=0, le=2_000_000_000)] | None = None
    languages: TextList | None = None
    services: TextList | None = None
    accessibility: LongText | None = None
    road_access: LongText | None = None
    phone: Phone | None = None
    zalo: ShortText | None = None
    contact_consent: bool = False
    website: WebLink | None = None
    booking_url: WebLink | None = None
    photo_url: WebLink | None = None
    photo_credit: Name | None = None
    photo_licence: ShortText | None = None
    tour_url: WebLink | None = None
    status: Literal["open", "closed", "seasonal"] = "open"
    verified_on: PastDay | None = None
    verified_by: Name | None = None
    commune_code: CommuneCode
    source: LongText | None = None

    def model_post_init(self, _context: object) -> None:
        """Give the place a slug where the file has none: name and commune, so that it stays the same."""
        if self.slug is None:
            self.slug = f"{slugify(self.name)}-{self.commune_code}"
