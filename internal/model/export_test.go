package model

// NewClient lets tests see which redirects are followed.
var NewClient = newClient
