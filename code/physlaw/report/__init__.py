"""From run folders to tidy rows, tables, figures and the page. No torch."""
