package entitlements

// What the tests of this folder look at from outside.

const LongestPeriod = longestPeriod
