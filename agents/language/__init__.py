"""What the code knows of languages: sentences, stems, small words, and how places in a text are named."""
