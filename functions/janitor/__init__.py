"""What runs have left behind and what it costs: looked for once a week, told, never removed by itself."""
