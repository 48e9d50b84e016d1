/**
 * Where the browser comes back to at providers that want every address registered to the letter, port included
 * (Intuit: https://developer.intuit.com/app/developer/qbo/docs/develop/authentication-and-authorization/set-redirect-uri).
 * HubSpot takes plain http for the name `localhost` only (https://developers.hubspot.com/changelog/2018-03-05-oauth2-redirect-uri-served-over-http-localhost).
 */
export const REDIRECT_URI = 'http://localhost:8235/callback'
