"""WHAT MUST BE: functions over models. No Flask request, no commit, no clock: time is an argument."""
