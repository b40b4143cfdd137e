"""`dropserve console`: a deployment's pages, on 127.0.0.1 and with the person's own credentials.

A page reads and acts through deploy_scripts/operations/, as the command line does; nothing is hosted.
"""
