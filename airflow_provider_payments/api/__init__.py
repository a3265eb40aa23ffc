"""What a page of facts about one payment API is made of."""
