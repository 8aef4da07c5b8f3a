"""The plugins that every Locust process of this project loads; the locustfile needs no line for them.

Remove a name to switch that plugin off, or add one of your own.
"""

from . import allowed_hosts, form_fields, locust_fixes, option_values, shape_option, verdict, web_access

__all__ = ["allowed_hosts", "form_fields", "locust_fixes", "option_values", "shape_option", "verdict", "web_access"]
