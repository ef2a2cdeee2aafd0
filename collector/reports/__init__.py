"""Reports for auditors: rows of the register, put into a report, rendered as a file; the last two steps are pure."""
