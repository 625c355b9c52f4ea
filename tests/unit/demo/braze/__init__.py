"""Tests of the double of Braze."""
