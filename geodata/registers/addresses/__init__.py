"""Digital addresses (địa chỉ số) of households, agencies, organisations, businesses, public places, structures."""
