"""How is the book made? Claims, their record, notebooks and pages."""
