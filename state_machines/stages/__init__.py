"""The stages of a run in their order, and what an execution does instead: pause, rollback, clean up."""
