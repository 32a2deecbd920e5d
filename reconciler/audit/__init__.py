"""What is wrong, or worth knowing, in an organization as it is; no declaration is needed. Pure.

A finding is no diagnostic: nothing failed, and what it is about was made by people before this tool came.
"""
