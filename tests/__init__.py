"""The tests of chatcore; a package, so that test folders can share modules by an unambiguous name."""
