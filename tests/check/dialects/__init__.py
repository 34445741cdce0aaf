"""What each dialect proves, shows as a confound and refuses."""
