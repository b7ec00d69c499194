// Package requests is about access requests: what may be asked for, who decides, and what becomes of it.
//
// A Request asks for what policies leave closed: a table, or columns of it in the clear, for a while. Rules say what
// may be asked for and who decides (Ask, Required). The request's own steps say what becomes of it (Approve, Deny,
// Revoke, Cancel), each making another value of the one before. What an approved request opens is one more grant of
// package entitlements: see Request.Approval and Compiled.Covered.
//
// Package store keeps requests for all servers, package notify tells others what happens to them.
package requests
