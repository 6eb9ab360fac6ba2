"""Stories that run in a real JupyterLab and a real Chromium."""
