"""Pictures as others write them: `unetlib.formats.pictures` reads them all."""
