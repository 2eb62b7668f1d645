"""The report room: `Report` is the data, `render_page` the page, `write_report` both files. It reads no store
and measures nothing."""

from factory.report.model import Report
from factory.report.output import write_report
from factory.report.page import render_page

__all__ = ["Report", "render_page", "write_report"]
