import type { Express } from 'express';
import request from 'supertest';
import type { OrderStore } from '../src/orders/order-store';
import { anOrder } from './builders';

export async function register(
  { app }: { app: Express },
  { url }: { url: string },
  more: object = {},
) {
  const body = { url, ...more };
  const response = await request(app).post('/webhook-endpoints').send(body).expect(201);
  return response.body as { id: string; secret: string };
}

/** Creates an order with a decision, and so a delivery to each receiver. */
export async function decided(
  { orders }: { orders: Pick<OrderStore, 'insert' | 'decide'> },
  decision: 'APPROVED' | 'REJECTED' = 'APPROVED',
) {
  const order = anOrder();
  await orders.insert(order, 60_000);
  await orders.decide(order.id, decision);
  return order;
}
