"""Turns the repository into what AWS takes: function zips, the training code, weights."""
