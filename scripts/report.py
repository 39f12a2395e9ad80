"""to be replaced by the report"""
