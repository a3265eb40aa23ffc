"""Airflow's web pages in a headless browser: for checks of the connection forms, and for pictures of them."""
