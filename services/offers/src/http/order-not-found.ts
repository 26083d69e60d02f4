import { AppError } from '@loan-buddy/kit/problem';

export class OrderNotFoundError extends AppError {
  readonly code = 'order-not-found';

  constructor(id: string) {
    super(`No order has the id ${id}.`);
  }
}

/** Another user's order: the response does not reveal that it exists. */
export class OrderHiddenError extends OrderNotFoundError {
  override readonly denied = true;
}
