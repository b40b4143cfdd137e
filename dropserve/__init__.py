"""dropserve: photos in S3 become a served classifier. This package is the installed command; see tree.py."""

__version__ = "0.1.0"
