"""Forms in which exchanges and tools publish funding rates, one file each."""

from objectives.market.forms.form import Form, Layout
from objectives.market.forms.registry import FORMS

__all__ = ["FORMS", "Form", "Layout"]
