"""How the commands speak: lines, tables, help, and what Tab completes."""
