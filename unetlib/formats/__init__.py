<<<<<<< HEAD
"""Files as others write them: pictures of digits, and weights."""
=======
"""Pictures as others write them: `unetlib.formats.pictures` reads them all."""
>>>>>>> xC
