"""What people and programs meet: HTTP, accounts, pages, the command line and the processes behind them."""

VERSION = "0.1.0"
