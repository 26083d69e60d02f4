/** A request of a `.http` file, as the REST Client of VS Code reads it. `{{…}}` are not filled in yet. */
export interface FileRequest {
  name: string | undefined;
  /** The status that a comment above it announces. */
  status: number;
  method: string;
  url: string;
  headers: [string, string][];
  body: string | undefined;
}

/** Reads the requests and variables of a file. */
export function parseHttpFile(text: string) {
  const [head, ...parts] = text.split(/^###.*\n/m);
  const lines = head!.matchAll(/^@(\w+) = (.*)$/gm);
  const variables: Record<string, string> = {};
  for (const [, name, value] of lines) variables[name!] = value!;
  return { variables, requests: parts.map(parseRequest) };
}

function parseRequest(text: string): FileRequest {
  const [head, ...body] = text.trim().split('\n\n');
  const lines = head!.split('\n');
  const comments = lines.filter((line) => line.startsWith('#')).join('\n');
  const [request, ...headers] = lines.filter((line) => !line.startsWith('#'));
  const [method, url] = request!.split(' ');
  return {
    name: /^# @name (\w+)$/m.exec(comments)?.[1],
    status: Number(/^# (\d{3})$/m.exec(comments)?.[1]),
    method: method!,
    url: url!,
    headers: headers.map((line) => line.split(': ', 2) as [string, string]),
    body: body.length > 0 ? body.join('\n\n') : undefined,
  };
}

/**
 * Fills in variables, `{{name}}`, and parts of the responses to named requests, `{{name.response.body.$[0].id}}`.
 *
 * @throws if a variable or a response is not defined.
 */
export function fillIn(
  text: string,
  variables: Record<string, string>,
  responses: Record<string, unknown>,
): string {
  return text.replace(/\{\{([^}]+)\}\}/g, (_, expression: string) => {
    const [name, path] = expression.split('.response.body.$');
    if (path === undefined) return known(variables[name!], expression);
    const steps = path.split(/[.[\]]+/).filter((step) => step !== '');
    const value = steps.reduce<unknown>(
      (from, step) => (from as Record<string, unknown> | undefined)?.[step],
      responses[name!],
    );
    return known(value as string | undefined, expression);
  });
}

function known(value: string | undefined, expression: string): string {
  if (value === undefined) throw new Error(`{{${expression}}} is not defined`);
  return value;
}
