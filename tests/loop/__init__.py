"""The whole circle: mails of the double's world, what Currents writes of them, and what the product makes of it."""
