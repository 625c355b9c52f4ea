"""The pages' forms, and fields that read numbers and times as people write them."""
