"""Villages (thôn, xóm, bản, ấp, buôn, tổ dân phố …): where coverage of digital addresses is counted."""
