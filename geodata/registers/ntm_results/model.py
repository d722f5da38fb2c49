"""Table of New Rural Development results."""

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import Index, SmallInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from geodata.columns import WGS84, Day, Feature, rule
from geodata.db import Base


class NtmResult(Feature, Base):
    """What a commune reached in a period, by which decision.

    Recognitions of before July 2025 belong to communes that are gone: these are told by their names, and stand under the
    commune that took them in.
    """

    __tablename__ = "ntm_results"
    __table_args__ = (
        rule(
            "period ~ '^20[0-9]{2}-20[0-9]{2}$'", "period", "giai đoạn viết như 2021-2025", "a period is as 2021-2025"
        ),
        rule("criteria_met >= 0", "criteria_met", "số tiêu chí không âm", "the number of criteria is not negative"),
        rule(
            "valid_to IS NULL OR valid_to > valid_from",
            "validity",
            "ngày hết hiệu lực sau ngày có hiệu lực",
            "the last day of validity is after the first",
        ),
        Index("uq_ntm_results_key", "commune_code", "commune_name", "period", "level", unique=True),
        Index("idx_ntm_results_geom", "geom", postgresql_using="gist"),
        {"schema": "reg", "comment": "New Rural Development results of communes"},
    )

    commune_code: Mapped[str] = mapped_column(Text)
    commune_name: Mapped[str] = mapped_column(Text, comment="Of the commune that was recognised, as in the decision")
    period: Mapped[str] = mapped_column(Text, comment="First and last year, as 2021-2025")
    level: Mapped[str] = mapped_column(Text)
    subject: Mapped[str | None] = mapped_column(Text, comment="Of a model commune: the subject it excels in")
    criteria_met: Mapped[int | None] = mapped_column(SmallInteger)
    decision_number: Mapped[str | None] = mapped_column(Text)
    decided_by: Mapped[str | None] = mapped_column(Text)
    valid_from: Mapped[Day]
    valid_to: Mapped[Day | None]
    province_code: Mapped[str] = mapped_column(Text)
    geom: Mapped[WKBElement | None] = mapped_column(Geometry("MULTIPOLYGON", WGS84, spatial_index=False))
