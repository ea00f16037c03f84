"""How a contact is seen and known elsewhere: its picture, its social profiles, its ids in other systems."""
