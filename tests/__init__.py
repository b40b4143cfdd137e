"""The tests of dropserve."""
