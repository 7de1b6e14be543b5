// docutils makes the bibliography a list whose entries are none: their role is of books, and deprecated.
for (const entry of document.querySelectorAll("[role=list] > [role=doc-biblioentry]"))
  entry.setAttribute("role", "listitem");
