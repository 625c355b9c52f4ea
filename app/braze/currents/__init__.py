"""Files of Braze Currents: Avro, of any version and codec, to events by field name."""
