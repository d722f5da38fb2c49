"""What the data is, and how it enters and leaves. Knows nothing of HTTP."""
