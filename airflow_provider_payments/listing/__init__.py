"""How lists of payments are read: readers, one for each kind of paging, and the passes and listings made of them."""
