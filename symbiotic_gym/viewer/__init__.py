"""The viewer: run folders as web pages on loopback, or as files to share. It reads, and never writes into a run."""
