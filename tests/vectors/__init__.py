"""Known-answer files of the recording format, the program that makes them, and a second reader to judge them."""
