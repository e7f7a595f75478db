"""The browser, in a process of its own: started and ended here, spoken to in JSON lines."""
