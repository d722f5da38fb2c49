"""Growing areas with their codes (mã số vùng trồng, PUC)."""
