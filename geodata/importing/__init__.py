"""From an officer's file to published rows: sandboxed reader, staging, report, publish."""
