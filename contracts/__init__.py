"""What several parts of dropserve must agree on, each rule once.

Standard library only: functions and training both ship it, and deploy_scripts and state_machines import it.
"""
