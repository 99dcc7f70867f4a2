// Swagger UI on the page of the REST interface. The token that is entered there is kept nowhere.
SwaggerUIBundle({
  url: "/api/v1/openapi.json",
  dom_id: "#swagger-ui",
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  docExpansion: "none",
  defaultModelsExpandDepth: -1,
  validatorUrl: null,
  requestInterceptor: (request) => {
    request.headers["Accept-Language"] = document.documentElement.lang; // of the portal, not of the browser
    return request;
  },
});
