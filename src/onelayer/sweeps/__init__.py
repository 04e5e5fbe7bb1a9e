"""From the jobs of a sweep to stacks of runs, and from their results to a leaderboard."""
